"""What manifests and packs asked for in another revision of their git repository. Asks git, and checks nothing out."""
