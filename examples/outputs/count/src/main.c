#include "count.h"

int main(void) {
    printf("%ld\n", count_lines(stdin));
    return 0;
}
