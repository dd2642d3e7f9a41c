/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "network/dns-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str m = str_n((const char *)data, size);
	struct dns_question q;
	struct ip ip = { .family = AF_INET };
	AUTO_STRBUF out = { 0 };
	int r = dns_parse_query(m, &q);

	if (r > 0)
		dns_answer_error(&out, m, (enum dns_rcode)r);
	if (r != 0)
		return 0;
	assert(q.end <= size && strlen(q.name) < DNS_NAME_MAX);
	dns_answer_begin(&out, m, &q, DNS_NOERROR);
	for (int i = 0; i < 64; i++)
		dns_answer_address(&out, &ip, 600);
	dns_answer_end(&out, &q, true);
	assert(out.len <= q.udp_size);
	out.ptr[2] |= (char)0x80;
	assert(dns_is_answer(m, q.end, strbuf_str(&out)));
	if (dns_parse_reverse(q.name, &ip) == 0)
		assert(ip.family == AF_INET || ip.family == AF_INET6);
	return 0;
}
