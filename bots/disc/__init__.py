"""Signal services that find and rank what may be traded; they run in the lane."""
