#include "common/store/s3/xml.h"

#include <vector>

#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr const char* kObjectPage = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
<IsTruncated>true</IsTruncated><NextContinuationToken>t/1+a==</NextContinuationToken>
<Contents><Key>a&amp;b&apos;c&lt;&#x2F;</Key><LastModified>2026-11-20T03:15:00.123Z</LastModified>
<ETag>"x"</ETag><Size>5368709120</Size></Contents>
<Contents><Key>d</Key><LastModified>2026-11-20T03:15:01Z</LastModified><Size>0</Size></Contents>
<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>)";

TEST_CASE("A page of objects is read") {
  const S3ObjectPage page = parse_object_page(kObjectPage);
  CHECK(page.is_truncated);
  CHECK(page.next_token == "t/1+a==");
  REQUIRE(page.objects.size() == 2);
  CHECK(page.objects[0].key == "a&b'c</");
  CHECK(page.objects[0].bytes == 5368709120);
  CHECK(format_iso(page.objects[0].modified) == "2026-11-20T03:15:00Z");
  CHECK(page.objects[1].bytes == 0);
}

TEST_CASE("What is said about another document is one short line") {
  const auto error =
      error_of([] { return parse_object_page("<" + std::string(5000, 'x') + "/>"); });
  REQUIRE(error);
  CHECK(error->message().size() < 500);
}

TEST_CASE("An empty page of objects is read") {
  const S3ObjectPage page =
      parse_object_page("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  CHECK(page.objects.empty());
  CHECK_FALSE(page.is_truncated);
}

ErrorKind kind_of_object_page(const std::string& xml) {
  try {
    static_cast<void>(parse_object_page(xml));
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("taken: " << xml);
  return ErrorKind::failed;
}

TEST_CASE("What is not a page of objects is corrupt") {
  const auto page_with = [](const std::string& contents) {
    return "<ListBucketResult><IsTruncated>false</IsTruncated><Contents>" + contents +
           "</Contents></ListBucketResult>";
  };
  const std::string key = "<Key>k</Key>";
  const std::string size = "<Size>1</Size>";
  const std::string time = "<LastModified>2026-11-20T03:15:00Z</LastModified>";
  REQUIRE_NOTHROW(parse_object_page(page_with(key + size + time)));
  for (const std::string& xml : std::vector<std::string>{
           "",
           " ",
           "not XML",
           "<html><body>504</body></html>",
           "<ListBucketResult>",
           "<ListBucketResult/>",
           "<ListBucketResult><IsTruncated/></ListBucketResult>",
           "<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>",
           "<Error><Code>SlowDown</Code></Error>",
           "<ListAllMyBucketsResult><IsTruncated>false</IsTruncated></ListAllMyBucketsResult>",
           std::string(kObjectPage).substr(0, 400),
           page_with(""),
           page_with(key + size),
           page_with(key + time),
           page_with(size + time),
           page_with("<Key/>" + size + time),
           page_with(key + "<Size>-1</Size>" + time),
           page_with(key + "<Size>1k</Size>" + time),
           page_with(key + "<Size>99999999999999999999</Size>" + time),
           page_with(key + size + "<LastModified>yesterday</LastModified>")}) {
    CAPTURE(xml);
    CHECK(kind_of_object_page(xml) == ErrorKind::corrupt);
  }
}

TEST_CASE("A page of uploads is read") {
  const S3UploadPage page = parse_upload_page(
      "<ListMultipartUploadsResult><NextKeyMarker>k</NextKeyMarker>"
      "<NextUploadIdMarker>u</NextUploadIdMarker><IsTruncated>true</IsTruncated>"
      "<Upload><Key>k</Key><UploadId>u</UploadId><Initiated>2026-11-20T03:15:00.000Z</Initiated>"
      "</Upload></ListMultipartUploadsResult>");
  REQUIRE(page.uploads.size() == 1);
  CHECK(page.uploads[0].key == "k");
  CHECK(page.uploads[0].upload_id == "u");
  CHECK(format_iso(page.uploads[0].initiated) == "2026-11-20T03:15:00Z");
  CHECK(page.next_key_marker == "k");
  CHECK(page.next_upload_id_marker == "u");
  CHECK_THROWS_AS(parse_upload_page("<ListPartsResult/>"), Error);
  CHECK_THROWS_AS(parse_upload_page("<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>"
                                    "<Upload><Key>k</Key></Upload></ListMultipartUploadsResult>"),
                  Error);
}

TEST_CASE("A page of parts is read") {
  const S3PartPage page = parse_part_page(
      "<ListPartsResult><IsTruncated>true</IsTruncated>"
      "<NextPartNumberMarker>2</NextPartNumberMarker>"
      "<Part><PartNumber>1</PartNumber><LastModified>2026-11-20T03:15:00Z</LastModified></Part>"
      "<Part><PartNumber>2</PartNumber><LastModified>2026-11-20T03:16:00Z</LastModified></Part>"
      "</ListPartsResult>");
  REQUIRE(page.modified.size() == 2);
  CHECK(format_iso(page.modified[1]) == "2026-11-20T03:16:00Z");
  CHECK(page.next_part_number_marker == "2");
  CHECK_THROWS_AS(parse_part_page("<ListPartsResult><Part/></ListPartsResult>"), Error);
}

TEST_CASE("The id of a new upload is read") {
  CHECK(parse_created_upload("<InitiateMultipartUploadResult><UploadId>2~a&lt;b</UploadId>"
                             "</InitiateMultipartUploadResult>") == "2~a<b");
  for (const auto* xml : {"", "<InitiateMultipartUploadResult/>",
                          "<InitiateMultipartUploadResult><UploadId/>"
                          "</InitiateMultipartUploadResult>",
                          "<CopyObjectResult><UploadId>u</UploadId></CopyObjectResult>"}) {
    CAPTURE(xml);
    CHECK_THROWS_AS(parse_created_upload(xml), Error);
  }
}

TEST_CASE("Only a result with an ETag completes an upload") {
  CHECK(
      is_completed_upload("\n  \n<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag>"
                          "</CompleteMultipartUploadResult>"));
  CHECK(
      is_completed_upload("<?xml version=\"1.0\"?><CompleteMultipartUploadResult><ETag></ETag>"
                          "</CompleteMultipartUploadResult>"));
  for (const auto* xml :
       {"", "   \n", "<Error><Code>InternalError</Code></Error>",
        "<CompleteMultipartUploadResult/>", "<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag>",
        "<ETag>\"x-2\"</ETag>"}) {
    CAPTURE(xml);
    CHECK_FALSE(is_completed_upload(xml));
  }
}

TEST_CASE("An error document is read, whatever it leaves out") {
  const auto reply = parse_error(
      "<?xml version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code>"
      "<Message>wrong\nregion</Message><Region>eu-central-1</Region><RequestId>R</RequestId>"
      "</Error>");
  REQUIRE(reply);
  CHECK(reply->code == "AuthorizationHeaderMalformed");
  CHECK(reply->message == "wrong?region");
  CHECK(reply->region == "eu-central-1");
  CHECK(reply->request_id == "R");
  CHECK(parse_error("<Error/>")->code.empty());
  CHECK(parse_error("<Error><BucketName>other</BucketName></Error>")->bucket == "other");
  CHECK(parse_error("<Error><Message>" + std::string(5000, 'x') + "</Message></Error>")
            ->message.size() < 400);
  for (const auto* xml : {"", "Bad Gateway", "<html/>", "<Error>", "{\"error\": 1}"}) {
    CAPTURE(xml);
    CHECK_FALSE(parse_error(xml));
  }
}

TEST_CASE("The words of a page that is no XML of S3 are read") {
  CHECK(words_of_page("Client sent an HTTP request to an HTTPS server.\n") ==
        "Client sent an HTTP request to an HTTPS server.");
  CHECK(
      words_of_page("<html><head><title>403 Forbidden</title></head>\r\n<body>no</body></html>") ==
      "403 Forbidden");
  CHECK(words_of_page("<html><body><h1>No  such</h1>\n<p>page</p></body>") == "No such page");
  CHECK(words_of_page("<title>cut") == "cut");
  CHECK(words_of_page("<<<").empty());
  CHECK(words_of_page("").empty());
  CHECK(words_of_page(std::string(5000, 'x')).size() < 400);
}

TEST_CASE("A completion lists the parts in order with their ETags escaped") {
  const std::vector<std::string> etags = {"\"a\"", "\"b&<c\""};
  CHECK(format_completion(etags) ==
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
        "<Part><PartNumber>2</PartNumber><ETag>\"b&amp;&lt;c\"</ETag></Part>"
        "</CompleteMultipartUpload>");
}

TEST_CASE("What became of many objects is read") {
  const S3DeletionReply reply = parse_deletion(R"(<?xml version="1.0"?>
<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Deleted><Key>a&amp;b</Key></Deleted>
<Deleted><Key>c</Key><VersionId>v1</VersionId><DeleteMarker>true</DeleteMarker></Deleted>
<Error><Key>d</Key><VersionId>v2</VersionId><Code>AccessDenied</Code><Message>no</Message></Error>
</DeleteResult>)");
  CHECK(reply.deleted == std::vector<S3ObjectName>{{"a&b"}, {"c", "v1"}});
  REQUIRE(reply.refused.size() == 1);
  CHECK(reply.refused[0].object == S3ObjectName{"d", "v2"});
  CHECK(reply.refused[0].error.code == "AccessDenied");
  CHECK_FALSE(reply.has_markers);  // a marker itself was deleted
  CHECK(parse_deletion("<DeleteResult/>").deleted.empty());
  CHECK(parse_deletion("<DeleteResult><Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker>"
                       "<DeleteMarkerVersionId>m</DeleteMarkerVersionId></Deleted></DeleteResult>")
            .has_markers);
}

TEST_CASE("What does not tell what became of many objects is corrupt") {
  for (const std::string xml :
       {"", "x", "<html/>", "<Error><Code>InternalError</Code></Error>", "<DeleteResult>",
        "<DeleteResult><Deleted></Deleted></DeleteResult>",
        "<DeleteResult><Deleted><Key/></Deleted></DeleteResult>",
        "<DeleteResult><Error><Code>AccessDenied</Code></Error></DeleteResult>"}) {
    CAPTURE(xml);
    CHECK_THROWS_AS(parse_deletion(xml), Error);
  }
}

TEST_CASE("The names of many objects are escaped") {
  const std::vector<S3ObjectName> objects = {{"a&b<c>"}, {"d", "v&1"}};
  CHECK(format_deletion(objects) ==
        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Object><Key>a&amp;b&lt;c&gt;</Key></Object>"
        "<Object><Key>d</Key><VersionId>v&amp;1</VersionId></Object></Delete>");
}

}  // namespace
}  // namespace pgbackup
