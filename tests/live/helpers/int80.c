/* SPDX-License-Identifier: Apache-2.0 */
/* A 32-bit system call of a 64-bit program: other numbers, other registers. Pointers lie below 4
 * GiB. */
int call_32(int number, unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned f);

int call_32(int number, unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned f)
{
	int result;

	__asm__ volatile("push %%rbp\n\t"
			 "mov %[f], %%ebp\n\t"
			 "int $0x80\n\t"
			 "pop %%rbp"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "r"(f)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}
