/*
 * The second peer of the 8-bit erasure code: Intel's ISA-L, as the distribution packages it, driven
 * by the benches.
 *
 *   isal bench DATA PARITY   reads lines "encode LEN MILLIS" or "decode LEN MILLIS" and answers
 *                            each with a line: GiB of data a second of processor time
 *
 * One thread; the library chooses its kernel. Decoding loses the first min(DATA, PARITY) shards;
 * the inverse is made once, as ours and the Go library keep theirs. ISA-L's Cauchy matrix is not
 * klauspost's: only the speed is compared. Shards stand 64 bytes beyond a power of two apart,
 * which is where ISA-L is fastest.
 */
#include <isa-l/erasure_code.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARDS_MAX 256

static double spent(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void *must(void *memory)
{
	if (memory == NULL) {
		perror("isal");
		exit(1);
	}
	return memory;
}

/* The tables that make what is lost from the shards `lost` to `lost + data`. */
static void rebuilding(unsigned char *tables, unsigned char *matrix, int data, int lost)
{
	unsigned char *used = must(malloc(data * data));
	unsigned char *inverse = must(malloc(data * data));
	memcpy(used, matrix + lost * data, data * data);
	if (gf_invert_matrix(used, inverse, data) != 0) {
		fputs("isal: these shards do not give the data back\n", stderr);
		exit(1);
	}
	ec_init_tables(data, lost, inverse, tables);
	free(used);
	free(inverse);
}

static double rate(int data, int parity, int decode, int len, int millis)
{
	int total = data + parity, lost = data < parity ? data : parity;
	size_t stride = ((size_t)len + 63) / 64 * 64 + 64;
	unsigned char *memory = must(aligned_alloc(64, stride * (total + lost)));
	unsigned char *matrix = must(malloc(total * data));
	unsigned char *tables = must(malloc(32 * data * total));
	unsigned char *shards[2 * SHARDS_MAX];
	double start, passed, count = 0;
	int i;

	memset(memory, 0, stride * (total + lost));
	for (i = 0; i < total + lost; i++)
		shards[i] = memory + stride * i;
	for (i = 0; i < data; i++)
		for (int b = 0; b < len; b++)
			shards[i][b] = (unsigned char)((i * 193 + b) * 40503u >> 8);
	gf_gen_cauchy1_matrix(matrix, total, data);
	ec_init_tables(data, parity, matrix + data * data, tables);
	ec_encode_data(len, data, parity, tables, shards, shards + data);
	if (decode)
		rebuilding(tables, matrix, data, lost);
	start = spent();
	do {
		if (decode)
			ec_encode_data(len, data, lost, tables, shards + lost, shards + total);
		else
			ec_encode_data(len, data, parity, tables, shards, shards + data);
		count++;
		passed = spent() - start;
	} while (passed * 1000 < millis || passed <= 0);
	for (i = 0; decode && i < lost; i++)
		if (memcmp(shards[total + i], shards[i], len) != 0) {
			fputs("isal: the data did not come back\n", stderr);
			exit(1);
		}
	free(memory);
	free(matrix);
	free(tables);
	return count / passed * data * len / (1 << 30);
}

int main(int argc, char **argv)
{
	char what[16];
	int data, parity, len, millis;

	if (argc != 4 || strcmp(argv[1], "bench") != 0) {
		fputs("usage: isal bench DATA PARITY\n", stderr);
		return 1;
	}
	data = atoi(argv[2]);
	parity = atoi(argv[3]);
	if (data < 1 || parity < 1 || data + parity > SHARDS_MAX)
		return 1;
	while (scanf("%15s %d %d", what, &len, &millis) == 3) {
		printf("%f\n", rate(data, parity, strcmp(what, "decode") == 0, len, millis));
		fflush(stdout);
	}
	return 0;
}
