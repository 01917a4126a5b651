"""Operations: roles and their bodies, the players that run them on CPUs, and what is counted of each."""
