/* Returns a greeting that lives as long as the program. */
const char *greet(void);
