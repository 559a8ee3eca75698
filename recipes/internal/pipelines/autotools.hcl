# ./configure, make and make install.
input "options" { default = [] }      # for configure
input "make"    { default = [] }      # for make and make install
input "dir"     { default = "." }     # where configure lies

needs = ["make"]

step {
  run = <<-EOT
    cd "${input.dir}"
    ./configure --prefix="$PREFIX" --libdir="$PREFIX/lib" ${join(" ", input.options)}
    make -j"$CPU_COUNT" ${join(" ", input.make)}
    make install ${join(" ", input.make)}
  EOT
}
