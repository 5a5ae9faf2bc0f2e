// Package mcp has the tools of MCP servers that the owner's settings name: programs that
// are started as children and spoken with over their standard input and output, and
// addresses of streamable HTTP.
//
// A server is started when something of it is first asked for, and again, later and later,
// when it died. It gets nothing of ours but what a call says: no files, no models, no
// questions to the person. Whatever comes from it is a stranger's text: names, counts,
// sizes and nesting are bounded, and what is left out is named.
//
// Nothing here asks for consent: who calls has it.
package mcp
