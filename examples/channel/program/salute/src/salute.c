#include <greet.h>
#include <stdio.h>

int main(void) {
    printf("%s, team.\n", greet());
    return 0;
}
