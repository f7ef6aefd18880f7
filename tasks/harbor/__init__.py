"""Harbor on the registry host: installed, configured, kept up."""
