"""Distance between the controller and the hosts: a relay that delays each direction, and what runs cost over it."""
