scripted --version
