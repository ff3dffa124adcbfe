"""What n8n's public API does, one case a fact, held against the simulator and real servers alike."""
