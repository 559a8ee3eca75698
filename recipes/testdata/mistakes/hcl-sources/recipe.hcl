package "demo" {
  version = "1.0"
}
source {
  url = "https://demo.example/a.tar.gz"
}
source {
  url    = "https://demo.example/b.tar.gz"
  sha256 = "5308fd4bd90cef7aa060558514de6a1a"
  signature {
    url         = "https://demo.example/b.tar.gz.asc"
    fingerprint = "ABCD"
  }
}
