"""The interactive protocol: robot, samples, sessions. Neither hosts nor training belong here."""
