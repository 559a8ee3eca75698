#include <stdio.h>

/* Returns how many lines are left in the file. */
long count_lines(FILE *file);
