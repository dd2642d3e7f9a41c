/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over its corpus, so that every past crash is a test of any build. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	size_t cap = 1 << 20;
	uint8_t *data = malloc(cap);
	if (!data)
		abort();
	ssize_t n = read(fd, data, cap);
	if (n >= 0) {
		/* an exact-size copy lets the address sanitizer see one byte too far */
		uint8_t *exact = malloc(n ? (size_t)n : 1);
		if (!exact)
			abort();
		for (ssize_t i = 0; i < n; i++)
			exact[i] = data[i];
		LLVMFuzzerTestOneInput(exact, (size_t)n);
		free(exact);
	}
	free(data);
	close(fd);
}

int main(int argc, char **argv)
{
	DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
	int n = 0;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	if (dir) {
		for (struct dirent *e; (e = readdir(dir));)
			if (e->d_name[0] != '.') {
				run_file(dirfd(dir), e->d_name);
				n++;
			}
		closedir(dir);
	}
	printf("1..1\nok 1 - corpus of %d inputs\n", n);
	return 0;
}
