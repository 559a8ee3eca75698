# Configure, build and install with CMake.
input "options" { default = [] }      # for the configuration, such as "-DBUILD_SHARED_LIBS=ON"
input "dir"     { default = "." }     # where CMakeLists.txt lies
input "type"    { default = "Release" }

needs = ["cmake", "make"]

step {
  run = <<-EOT
    prefix=$${LIBRARY_PREFIX:-$PREFIX}
    cmake -S "${input.dir}" -B _forge_build $CMAKE_ARGS -DCMAKE_BUILD_TYPE="${input.type}" -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_INSTALL_LIBDIR=lib ${join(" ", input.options)}
    cmake --build _forge_build --parallel "$CPU_COUNT"
    cmake --install _forge_build
  EOT
}
