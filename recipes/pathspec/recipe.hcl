package "pathspec" {
  version = "0.12.1"
}

source {
  url    = "pkg:pypi/pathspec@${package.version}"
  sha256 = "a482d51503a1ab33b1c67a6c3813a26953dbdc71c31dacaef9a838c4e29f5712"
}

build {
  number = 0
  noarch = "python"
  pipeline "python" {}
}

requirements {
  host = ["python", "pip", "flit-core"]
  run  = ["python >=3.8"]
}

test {
  python {
    imports = ["pathspec"]
  }
}

about {
  homepage     = "https://github.com/cpburnz/python-pathspec"
  license      = "MPL-2.0"
  license_file = "LICENSE"
  summary      = "Patterns of paths, such as those of gitignore"
}
