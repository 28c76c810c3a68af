"""The spine put together: declare, observe, plan, judge, apply; by hand from the command line or by the controller."""
