"""Signal services that state what is true of a market; they run in the lane."""
