nmake lib
