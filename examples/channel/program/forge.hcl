# What this workspace takes packages from, beside its own output folder.
channel "team" {
  url = "../team"
}
