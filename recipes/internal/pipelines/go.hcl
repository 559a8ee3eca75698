# Build Go programs into $PREFIX/bin, without paths of this machine in them.
input "packages" { default = ["."] }
input "options"  { default = [] }     # for go build, such as "-tags=netgo"
input "ldflags"  { default = "-s -w" }
input "dir"      { default = "." }

needs = ["go"]

step {
  run = <<-EOT
    cd "${input.dir}"
    mkdir -p "$PREFIX/bin"
    go build -trimpath -buildvcs=false -ldflags "-buildid= ${input.ldflags}" ${join(" ", input.options)} -o "$PREFIX/bin/" ${join(" ", input.packages)}
  EOT
}
