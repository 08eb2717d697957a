"""Numbers for Prometheus, counted in memory: nothing is read or sent when a number changes.

`names` lists every metric, `values` has counters, gauges and histograms, and `exposition` formats them. The address
that shows them is in twinport.control.metrics. Imports nothing else of twinport.
"""
