"""The clock of a host: which program keeps it, from which servers, and how far it is off."""
