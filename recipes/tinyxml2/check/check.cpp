// Parses, changes and prints a document; what it cannot parse it throws.
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>
#include <tinyxml2.h>

static std::string again(const char *text) {
	tinyxml2::XMLDocument doc;
	if (doc.Parse(text) != tinyxml2::XML_SUCCESS)
		throw std::runtime_error(doc.ErrorStr());
	doc.RootElement()->SetAttribute("n", 2);
	tinyxml2::XMLPrinter printer(nullptr, true);
	doc.Print(&printer);
	return printer.CStr();
}

int main() {
	if (again("<a n='1'><b>t &amp; u</b></a>") != "<a n=\"2\"><b>t &amp; u</b></a>")
		return 1;
	try {
		again("<a><b></a>");
	} catch (const std::runtime_error &e) {
		std::cout << "refused: " << e.what() << '\n';
		return std::strstr(e.what(), "XML_ERROR_MISMATCHED_ELEMENT") ? 0 : 2;
	}
	return 3;
}
