"""Reading a store whole, or a part at a time, and naming everything that is wrong with it."""
