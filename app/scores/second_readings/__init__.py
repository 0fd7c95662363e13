"""Second readings: another grader decides once more on drawn reviews. No score changes; differences are shown."""
