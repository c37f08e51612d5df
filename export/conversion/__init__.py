"""What both formats do alike: one conversion, and a verified file for each precision."""
