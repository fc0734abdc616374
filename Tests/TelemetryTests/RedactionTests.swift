// What is secret in addresses and settings, and what two addresses of one file have in common.
import Telemetry
import Testing

@Suite struct RedactionTests {
    @Test(arguments: [
        // Files of this machine stay as they are, whatever their names.
        ("scenes/a b?token=x&y@z.tif", "scenes/a b?token=x&y@z.tif"),
        (#"HDF5:"a.h5"://token=1"#, #"HDF5:"a.h5"://token=1"#),
        ("/vsis3/bucket/key.tif", "/vsis3/bucket/key.tif"),
        ("https://host/a.tif", "https://host/a.tif"),
        ("https://host/a.tif?token=secret%2F1%3D", "https://host/a.tif?token=REDACTED"),
        ("/vsicurl/https://host/a.tif?sig=a'b c", "/vsicurl/https://host/a.tif?sig=REDACTED"),
        ("https://me:pass@word@host:8/a.tif", "https://REDACTED@host:8/a.tif"),
        // What selects data stays; what nobody knows does not.
        ("https://host/a?bbox=1,2&item=7&k=9&x=3", "https://host/a?bbox=1,2&item=7&k=REDACTED&x=3"),
        ("https://host/a.tif?abcdef", "https://host/a.tif?REDACTED"),
        ("https://host/a.tif?%74oken=abcdef", "https://host/a.tif?%74oken=REDACTED"),
        ("https://host/a.tif#access_token=abc", "https://host/a.tif#access_token=REDACTED"),
        ("https://host/a;jsessionid=12ab/b.tif", "https://host/a;jsessionid=REDACTED/b.tif"),
        (
            "https://host/a.tif?X-Amz-Date=20260101T000000Z&X-Amz-Signature=abc",
            "https://host/a.tif?X-Amz-Date=REDACTED&X-Amz-Signature=REDACTED"
        ),
        // GDAL's options in front of the address.
        (
            "/vsicurl?use_head=no&header.Authorization=Bearer%20abc&url=https%3A%2F%2Fhost%2Fa.tif%3Ftoken%3Dx%252F1",
            "/vsicurl?use_head=no&header.Authorization=REDACTED&url=https%3A%2F%2Fhost%2Fa.tif%3Ftoken%3DREDACTED"
        ),
        ("/vsicurl?url=https://host/a.tif?token=x&k=y", "/vsicurl?url=https://host/a.tif?token=REDACTED&k=REDACTED"),
        (
            "https://tiles/cog?url=https%3A%2F%2Fhost%2Fa.tif%3Fsig%3Dx",
            "https://tiles/cog?url=https%3A%2F%2Fhost%2Fa.tif%3Fsig%3DREDACTED"
        ),
        // Inside of other names.
        (
            "/vsizip/{/vsicurl/https://host/a.zip?token=x}/b.tif",
            "/vsizip/{/vsicurl/https://host/a.zip?token=REDACTED}/b.tif"
        ),
        ("/vsizip//vsicurl/https://host/a.zip?token=x", "/vsizip//vsicurl/https://host/a.zip?token=REDACTED"),
        (
            #"NETCDF:"/vsicurl/https://host/a.nc?token=x":band"#,
            #"NETCDF:"/vsicurl/https://host/a.nc?token=REDACTED":band"#
        ),
        (
            "<VRTDataset><SourceFilename>/vsicurl/https://host/a.tif?bbox=1&amp;token=x</SourceFilename></VRTDataset>",
            "<VRTDataset><SourceFilename>/vsicurl/https://host/a.tif?bbox=1&amp;token=REDACTED</SourceFilename></VRTDataset>"
        ),
    ])
    func `an address is kept without its secrets`(_ address: String, _ kept: String) {
        #expect(Redaction.address(address) == kept)
        // Nothing is left to take out.
        #expect(Redaction.address(kept) == kept)
    }

    @Test(arguments: [
        ("https://h/a.tif?token=one", "https://h/a.tif?token=two"),
        ("https://h/a.tif?token=one&bbox=1,2", "https://h/a.tif?bbox=1,2&sig=two"),
        ("https://h/a.tif?token=one", "https://h/a.tif"),
        ("https://me:one@h/a.tif", "https://me:two@h/a.tif"),
        (
            "/vsicurl?url=https%3A%2F%2Fh%2Fa.tif%3Ft%3D1&use_head=no",
            "/vsicurl?use_head=yes&url=https%3A%2F%2Fh%2Fa.tif%3Ft%3D2"
        ),
    ])
    func `a renewed token is the same file`(_ one: String, _ other: String) {
        #expect(Redaction.identity(of: one) == Redaction.identity(of: other))
    }

    @Test func `another place or selection is another file`() {
        let addresses = [
            "https://h/a.tif?token=1", "https://h/b.tif?token=1", "https://g/a.tif?token=1", "https://h/a.tif?item=1",
            "https://h/a.tif?item=2", "http://h/a.tif", "a.tif", "a.tif?token=1",
        ]
        #expect(Set(addresses.map(Redaction.identity)).count == addresses.count)
    }

    @Test func `a document is the same whatever its tokens, and else byte for byte itself`() {
        func document(_ token: String) -> [UInt8] {
            Array("<VRTDataset>\n<F>/vsicurl/https://h/a.tif?token=\(token)</F>\n</VRTDataset>\n".utf8)
        }
        #expect(Redaction.identity(ofDocument: document("one")) == Redaction.identity(ofDocument: document("another")))
        let plain = Array("<VRTDataset>\n<F>https://h/a.tif?item=1</F>\r\n</VRTDataset>".utf8)
        #expect(Redaction.identity(ofDocument: plain) == plain)
        // What selects the data counts wherever it stands, also after a token that is cut.
        func chosen(_ id: String) -> [UInt8] {
            Array("<V><SourceFilename>/vsicurl/https://h/get?token=tttttttt1&amp;id=\(id)</SourceFilename></V>".utf8)
        }
        #expect(Redaction.identity(ofDocument: chosen("A")) != Redaction.identity(ofDocument: chosen("B")))
        let bytes = Array("II*\0 https://h/a.tif?token=1".utf8)
        #expect(Redaction.identity(ofDocument: bytes) == bytes)
    }

    @Test func `a message has no secrets, in whatever form a library quotes them`() {
        Redaction.learn(address: "https://host/scene.tif?token=sesame%2F1%3D")
        Redaction.learn(setting: "AWS_SECRET_ACCESS_KEY", value: "wJalrXUtnFEMI/K7MDENG")
        Redaction.learn(setting: "GDAL_HTTP_HEADERS", value: "Authorization: Bearer open-barley,X-Key: rye-and-oats")
        Redaction.learn(setting: "GDAL_HTTP_USERPWD", value: "me:buckwheat")
        Redaction.learn(arguments: [
            "--config=AZURE_STORAGE_ACCESS_KEY=millet==", "--config", "GS_SECRET_ACCESS_KEY=spelt-corn",
        ])
        Redaction.learn(environment: ["AWS_SESSION_TOKEN": "sorghum-9", "https_proxy": "http://me:quinoa-7@proxy:8"])
        for quoted in [
            "sorghum-9", "quinoa-7", "sesame%2F1%3D", "sesame%2f1%3d", "sesame/1=", "sesame%252F1%253D",
            "wJalrXUtnFEMI/K7MDENG",
            "wJalrXUtnFEMI%2FK7MDENG", "Bearer open-barley", "open-barley", "rye-and-oats", "me:buckwheat",
            "buckwheat", "millet==", "millet%3D%3D", "spelt-corn",
        ] {
            let text = Redaction.text("cannot open (\(quoted)) in one go")
            #expect(text.contains("(REDACTED)") || text.contains(" REDACTED)"), "\(text)")
            #expect(text.hasPrefix("cannot open (") && text.hasSuffix(") in one go"))
        }
        // Addresses that nobody told of, such as one that a server sent to.
        #expect(
            Redaction.text("'/vsicurl/https://h/a?sig=x y', https://h/b?k=1: no (see http://u:p@h/c).")
                == "'/vsicurl/https://h/a?sig=REDACTED y', https://h/b?k=REDACTED: no (see http://REDACTED@h/c).")
    }

    @Test func `ordinary words are no secrets`() {
        Redaction.learn(address: "https://host/scene.tif?X-Amz-SignedHeaders=host&se=2030-01-01&a=1&mode=map")
        Redaction.learn(arguments: [
            "--config", "GDAL_NUM_THREADS=4", "https://host/scenes/canopy-height.tif?item=forest7",
        ])
        Redaction.learn(environment: [
            "DESKTOP_SESSION": "forest-desktop", "AWS_NO_SIGN_REQUEST": "YES", "SSH_AUTH_SOCK": "/tmp/ssh-1/agent.1",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/tokens/aws", "AWS_REGION": "eu-central-1",
        ])
        Redaction.learn(address: "https://host/scene.tif?key=canopy")
        let text =
            "host, map, 2030-01-01, 1 of 4 tiles of canopy-height.tif, forest7, forest-desktop, YES, /tmp/ssh-1/agent.1, /run/tokens/aws, eu-central-1, canopy"
        #expect(Redaction.text(text) == text)
    }

    @Test func `a word of a command line has no secrets`() {
        #expect(Redaction.argument("AWS_SECRET_ACCESS_KEY=a b") == "AWS_SECRET_ACCESS_KEY=REDACTED")
        #expect(Redaction.argument("--config=AWS_SESSION_TOKEN=x=") == "--config=AWS_SESSION_TOKEN=REDACTED")
        #expect(
            Redaction.argument("GDAL_HTTP_PROXY=http://me:pw@proxy:3128")
                == "GDAL_HTTP_PROXY=http://REDACTED@proxy:3128")
        #expect(Redaction.argument("GDAL_CACHEMAX=256") == "GDAL_CACHEMAX=256")
        #expect(Redaction.argument("scenes/my token=1.tif") == "scenes/my token=1.tif")
        #expect(Redaction.argument("--aoi=https://h/a.json?t=1") == "--aoi=https://h/a.json?t=REDACTED")
    }

    @Test func `an error says nothing secret, wherever in it that stands`() {
        let address = "https://host/a.tif?token=blue-whale"
        let error = TelemetryError(
            .readFailed, "cannot read \(address)", in: address, why: ["HTTP 403: blue-whale", address],
            try: "curl '\(address)'")
        Redaction.learn(address: address)
        #expect(!error.report.contains("blue-whale"))
        #expect(error.report.contains("in   https://host/a.tif?token=REDACTED"))
    }

    @Test func `a file's name is the last part of its address`() {
        #expect(Redaction.fileName("https://h/x/area.geojson?token=a/b.c") == "area.geojson")
        #expect(Redaction.fileName("/vsicurl?use_head=no&url=https%3A%2F%2Fh%2Fx%2Fa.tif%3Ft%3D1") == "a.tif")
        #expect(Redaction.fileName("folder/area 1?.geojson") == "area 1?.geojson")
        #expect(Redaction.isRedacted(Redaction.address("https://h/a?token=1")))
        #expect(Redaction.isRedacted(Redaction.address("https://u:p@h/a")))
        #expect(!Redaction.isRedacted("https://h/a?item=1"))
    }
}
