"""The controllers: pure functions from the world as it is to what should be done next."""
