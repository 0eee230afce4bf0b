"""What happens before the split: functions in which only negative controls speak across rows."""
