"""The sweep: plan, store, execute, compare, gate, report."""
