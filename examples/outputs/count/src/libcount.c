#include "count.h"

long count_lines(FILE *file) {
    long lines = 0;
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    return lines;
}
