#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    double radius = argc > 1 ? atof(argv[1]) : 1;
    printf("%.*f\n", PRECISION, radius * radius * 3.14159265358979);
    return 0;
}
