locals {
  version = "1.0"
}
package "demo" {
  version = local.verison
}
build {
  script = "make install PREFIX=${PREFIX}"
  skip   = wni
}
requirements {
  build = [compilr("c")]
  host  = ["python ${variant.pyhton}"]
}
