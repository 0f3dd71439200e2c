"""A call as a generator of steps, the ports that perform the steps, and the drivers of both."""
