"""The spine put together: declare, observe, plan, judge, apply; by hand or by the controller."""
