"""Full-screen and modal views, each with its stylesheet in `tui/styles`."""
