/* SPDX-License-Identifier: Apache-2.0 */
/* Names and numbers: methods, statuses, and which status an error has. */
#include <assert.h>

#include "http/server-internal.h"

const char *http_method_name(enum http_method m)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
		[HTTP_OPTIONS] = "OPTIONS",
	};
	static_assert(ARRAY_SIZE(names) == HTTP_METHOD_COUNT, "every method has a name");

	return names[m];
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} table[] = {
		{ 200, "OK" },
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 499, "Client Closed Request" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].status == status)
			return table[i].reason;
	return "Unknown";
}

int http_status_of(enum error_kind kind)
{
	static const int statuses[] = {
		[ERROR_NONE] = 200,
		[ERROR_INVALID] = 400,
		[ERROR_UNAUTHORIZED] = 401,
		[ERROR_FORBIDDEN] = 403,
		[ERROR_NOT_FOUND] = 404,
		[ERROR_CONFLICT] = 409,
		[ERROR_PRECONDITION] = 412,
		[ERROR_TOO_LARGE] = 413,
		[ERROR_RANGE] = 416,
		[ERROR_TOO_MANY] = 429,
		[ERROR_NOT_MODIFIED] = 304,
		[ERROR_CANCELLED] = 499,
		[ERROR_TIMEOUT] = 504,
		[ERROR_UNAVAILABLE] = 503,
		[ERROR_NOT_IMPLEMENTED] = 501,
		[ERROR_NO_SPACE] = 507,
		[ERROR_INTERNAL] = 500,
	};
	static_assert(ARRAY_SIZE(statuses) == ERROR_KIND_COUNT, "every kind has a status");

	return statuses[kind];
}
