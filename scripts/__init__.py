"""Programs for people who work on the house: generate what is made from sources, release what is checked."""
