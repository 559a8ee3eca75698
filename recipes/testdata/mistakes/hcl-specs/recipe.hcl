package "demo" {
  version = "1.0"
}
requirements {
  host = ["zlib 1.2", "libpng >=1.6,", "openssl => 3", 7]
  run  = [pin_compatible("numpy", { max_pin = "x.x" }), pin_subpackage("demo", "x.x")]
}
