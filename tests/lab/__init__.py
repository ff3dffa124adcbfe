"""Installs and starts real n8n servers for the contract and integration tests."""
