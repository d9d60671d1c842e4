"""Many runs: grids, processes on their share of the machine, a table and a picture at the end."""
