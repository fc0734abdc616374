// What is secret in addresses and settings, and what two addresses of one file have in common.
import Foundation
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

    @Test func `the order of a repeated parameter counts`() {
        #expect(
            Redaction.identity(of: "https://h/a?bidx=3&bidx=1&b=2")
                != Redaction.identity(of: "https://h/a?bidx=1&bidx=3&b=2"))
    }

    @Test func `another place or selection is another file`() {
        let addresses = [
            "https://h/a.tif?token=1", "https://h/b.tif?token=1", "https://g/a.tif?token=1", "https://h/a.tif?item=1",
            "https://h/a.tif?item=2", "http://h/a.tif", "a.tif", "a.tif?token=1",
        ]
        #expect(Set(addresses.map { Redaction.identity(of: $0) }).count == addresses.count)
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
        // So does what nobody knows: it may be what selects them.
        func unknown(_ id: Int, _ sig: String) -> [UInt8] {
            Array("<V><F>/vsicurl/https://h/get?fileId=\(id)&amp;sig=\(sig)&amp;se=2030-01-0\(id)</F></V>".utf8)
        }
        #expect(Redaction.identity(ofDocument: unknown(1, "a")) == Redaction.identity(ofDocument: unknown(1, "b")))
        #expect(Redaction.identity(ofDocument: unknown(1, "a")) != Redaction.identity(ofDocument: unknown(2, "a")))
        // Items and their lists, however their addresses are escaped.
        func item(_ sig: String, _ slash: String = "/", _ and: String = "&") -> [UInt8] {
            Array(#"{"href": "https:\#(slash)\#(slash)h\#(slash)a.tif?item=1\#(and)sig=\#(sig)"}"#.utf8)
        }
        #expect(Redaction.identity(ofDocument: item("a")) == Redaction.identity(ofDocument: item("b")))
        #expect(
            Redaction.identity(ofDocument: item("a"))
                == Redaction.identity(ofDocument: item("b", #"\/"#, #"\u0026"#)))
        let bytes = Array("II*\0 https://h/a.tif?token=1".utf8)
        #expect(Redaction.identity(ofDocument: bytes) == bytes)
    }

    @Test func `a service is named by all that is not secret`() {
        func name(_ query: String) -> String { Redaction.identity(ofService: "WMS:https://h/wms?\(query)") }
        #expect(name("map=a&token=1") == name("token=2&map=a"))
        #expect(name("map=a&token=1") != name("map=b&token=1"))
    }

    @Test func `a large document is named without its tokens too, and other files by their bytes`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("redaction-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ text: String, to name: String) throws -> String {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
            return folder.appendingPathComponent(name).path
        }
        func document(_ token: String, _ last: String = "z") throws -> String {
            let line = "<F>/vsicurl/https://h/a.tif?token=\(token)</F>\n"
            let text = "\n<V>\n" + String(repeating: line, count: 100_000) + "<F>\(last)</F></V>"
            return try write(text, to: "\(token)-\(last).vrt")
        }
        let one = try #require(Redaction.identity(ofDocumentAt: document("one")))
        #expect(try Redaction.identity(ofDocumentAt: document("another")) == one)
        #expect(try Redaction.identity(ofDocumentAt: document("another", "y")) != one)
        #expect(try Redaction.identity(ofDocumentAt: write("<V>a</V>", to: "a.vrt")) == nil)
        #expect(try Redaction.identity(ofDocumentAt: write("II*\0 https://h/a?token=1", to: "a.tif")) == nil)
        #expect(Redaction.identity(ofDocumentAt: folder.path + "/absent") == nil)
        #expect(Redaction.identity(ofDocumentAt: folder.path) == nil)
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
                == "'/vsicurl/https://h/a?sig=REDACTED', https://h/b?k=REDACTED: no (see http://REDACTED@h/c).")
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
        let words = [
            "AWS_SECRET_ACCESS_KEY=a b", "--config=AWS_SESSION_TOKEN=x=", "--config", "MY_TOKEN=barley",
            "--config=GDAL_HTTP_PROXY=http://me:pw@proxy:3128", "GDAL_CACHEMAX=256", "scenes/my token=1.tif",
            "key=2024-rgb/scene.tif", "--aoi=https://h/a.json?t=1", "PG:dbname=trees password=wheat",
        ]
        #expect(
            Redaction.arguments(words) == [
                "AWS_SECRET_ACCESS_KEY=REDACTED", "--config=AWS_SESSION_TOKEN=REDACTED", "--config",
                "MY_TOKEN=REDACTED", "--config=GDAL_HTTP_PROXY=http://REDACTED@proxy:3128", "GDAL_CACHEMAX=256",
                "scenes/my token=1.tif", "key=2024-rgb/scene.tif", "--aoi=https://h/a.json?t=REDACTED",
                "PG:dbname=trees password=REDACTED",
            ])
    }

    @Test(arguments: [
        ("PG:host=h dbname=trees password=rye", "PG:host=h dbname=trees password=REDACTED", "PG:host=h dbname=trees"),
        (
            #"PG:password='a b\'c' dbname=trees"#, "PG:password=REDACTED dbname=trees", "PG: dbname=trees"
        ),
        (
            "PLMosaic:api_key=rye,mosaic=may,tiled_only=yes", "PLMosaic:api_key=REDACTED,mosaic=may,tiled_only=yes",
            "PLMosaic:,mosaic=may,tiled_only=yes"
        ),
        ("MSSQL:server=s;uid=me;pwd=rye;", "MSSQL:server=s;uid=me;pwd=REDACTED;", "MSSQL:server=s;uid=me;"),
        ("MySQL:trees,user=me,password=rye", "MySQL:trees,user=me,password=REDACTED", "MySQL:trees,user=me"),
        ("OCI:me/rye@trees", "OCI:me/REDACTED@trees", "OCI:me@trees"),
        ("PG:dbname=trees password = rye", "PG:dbname=trees password = REDACTED", "PG:dbname=trees"),
        ("OCI:me/rye", "OCI:me/REDACTED", "OCI:me"),
        ("geor:me/rye@db,t", "geor:me/REDACTED@db,t", "geor:me@db,t"),
        ("georaster:me,rye,db,t", "georaster:me,REDACTED,db,t", "georaster:me,db,t"),
        ("SDE:host,5151,db,me,rye", "SDE:host,5151,db,me,REDACTED", "SDE:host,5151,db,me"),
        ("MSSQL:server=s;PWD={a;rye}", "MSSQL:server=s;PWD=REDACTED", "MSSQL:server=s"),
        ("OCI:me@corp/rye", "OCI:me@corp/REDACTED", "OCI:me@corp"),
        (
            "ODBC:DSN=x;UID=me;PWD=rye;DBQ=/data/x.mdb", "ODBC:DSN=x;UID=me;PWD=REDACTED;DBQ=/data/x.mdb",
            "ODBC:DSN=x;UID=me;DBQ=/data/x.mdb"
        ),
        ("PG:dbname=trees\tpassword=rye,ab;cd&ef", "PG:dbname=trees\tpassword=REDACTED", "PG:dbname=trees"),
        ("MSSQL:server=s;PWD={a}}rye}", "MSSQL:server=s;PWD=REDACTED", "MSSQL:server=s"),
        ("pg:dbname=trees tables=key", "pg:dbname=trees tables=key", "pg:dbname=trees tables=key"),
        ("C:password=rye", "C:password=rye", "C:password=rye"),
    ])
    func `a connection string is kept without its password`(_ whole: String, _ kept: String, _ identity: String) {
        #expect(Redaction.address(whole) == kept)
        #expect(Redaction.address(kept) == kept)
        let said = Redaction.text("cannot open '\(whole)': no such table\nin \(whole)")
        #expect(said.contains("rye") == kept.contains("rye") && said.contains("': no such table\nin"))
        #expect(Redaction.identity(of: whole) == identity)
    }

    @Test func `an address with blanks and quotes has no secrets in a message, wherever it ends`() {
        let addresses = [
            "http://h/o'neil.tif?code=spelt-1", "http://h/my scene.tif?code=spelt-1",
            "/vsicurl/http://h/a|b.tif?k=spelt-1",
            "http://h/scene.tif?cql=a|b&code=spelt-1",
        ]
        for address in addresses {
            // Quoted, nobody needs to know it; else it is one that was given.
            #expect(!Redaction.text("cannot open '\(address)': no such file").contains("spelt-1"), "\(address)")
            Redaction.learn(address: address)
            #expect(!Redaction.text("cannot open \(address) (in \(address))").contains("spelt-1"), "\(address)")
            #expect(!Redaction.text("try gdalinfo \(shellQuoted(address))").contains("spelt-1"), "\(address)")
        }
        #expect(Redaction.text("it's 'http://h/a?k=1', isn't it") == "it's 'http://h/a?k=REDACTED', isn't it")
        let service = "<GDAL_WMS><Service name=\"TMS\"/><UserPwd>me:spelt-1</UserPwd></GDAL_WMS>"
        #expect(
            Redaction.address(service)
                == "<GDAL_WMS><Service name=\"TMS\"/><UserPwd>REDACTED</UserPwd></GDAL_WMS>")
        #expect(!Redaction.text("cannot open \(service)").contains("spelt-1"))
        for secret in [
            "<ServerUrl>https://h/${z}/${x}/${y}.png?apikey=spelt-2</ServerUrl>",
            "<g:UserPwd a=\"b\" >me:spelt-2</g:UserPwd >",
            "<OOI key=\"USERPWD\">me:spelt-2</OOI>", "<OOI key='API_KEY'>spelt-2</OOI>",
        ] {
            #expect(!Redaction.address("<X>\(secret)</X>").contains("spelt-2"), "\(secret)")
            #expect(!Redaction.text("no such <X>\(secret)</X>").contains("spelt-2"), "\(secret)")
        }
        Redaction.learn(address: "<X><UserPwd>me:emmer-42</UserPwd></X>")
        #expect(!Redaction.text("401 for me:emmer-42").contains("emmer-42"))
        // Within JSON, quotes are escaped: what is printed stays JSON.
        let json = #"{"path": "NETCDF:\"/vsicurl/https://h/a.nc?token=spelt-3\":B"}"#
        #expect(Redaction.text(json) == #"{"path": "NETCDF:\"/vsicurl/https://h/a.nc?token=REDACTED\":B"}"#)
    }

    @Test func `hostile texts neither hang nor overflow the stack`() {
        let quotes = String(repeating: "'https://a ", count: 100_000)
        #expect(Redaction.text(quotes).count == quotes.count)
        let deep = String(repeating: "https://h?url=", count: 50_000)
        #expect(Redaction.address(deep).hasSuffix(Redaction.mark))
        for text in [
            "<", "</", "<a>", "<key>", "PG:", "PG:=", "PG:password=", "PG:password='", "OCI:/", "é:ü=ö", "SDE:,,,,",
        ] {
            _ = (Redaction.text(text), Redaction.address(text), Redaction.identity(of: text))
        }
    }

    @Test(arguments: [
        "vrt:///vsicurl/http://me:rye-bread-77@host/scene.tif?bands=1,2,3",
        "vrt:///vsicurl/http://me:barley-soup-9@host/scene.tif?bands=1,2,3",
        "vrt:///vsizip//vsicurl/https://me:rye-bread-77@host/a.zip/b.tif",
        "http://proxy/http://me:rye-bread-77@host/scene.tif",
        "http://proxy/http%3A%2F%2Fme%3Arye-bread-77%40host%2Fa.tif",
    ])
    func `an address in the path of another is treated like any`(_ address: String) {
        let shown = Redaction.address(address)
        #expect(!shown.contains("rye") && !shown.contains("barley") && shown.contains("REDACTED"), "\(shown)")
        let identity = Redaction.identity(of: address)
        #expect(!identity.contains("rye") && !identity.contains("barley") && identity.contains("host"), "\(identity)")
        let text = Redaction.text("cannot open '\(address)': \(address)")
        #expect(!text.contains("rye") && !text.contains("barley"), "\(text)")
    }

    @Test func `another password in the path of an address changes nothing`() {
        func named(_ password: String) -> String {
            Redaction.identity(of: "vrt:///vsicurl/http://me:\(password)@host/scene.tif?bands=1,2,3")
        }
        #expect(named("one-of-many") == named("another-1"))
        #expect(Redaction.address("http://h/a/b.tif;v=1?bands=1") == "http://h/a/b.tif;v=1?bands=1")
    }

    @Test func `a second query and pieces of a secret are secret too`() {
        let twice = Redaction.address("https://h/a.tif?bbox=1,2,3,4?token=millet-77")
        #expect(twice == "https://h/a.tif?bbox=1,2,3,4?token=REDACTED")
        Redaction.learn(address: "PG:host=h dbname=t password='sorghum-one-1 sorghum-two-2'")
        let said = Redaction.text("missing \"=\" after \"sorghum-two-2'\" in connection info string")
        #expect(!said.contains("sorghum"), "\(said)")
    }

    @Test func `names of outputs stay as they are, whatever an address says`() {
        Redaction.learn(arguments: [
            "tile", "https://host/a.tif?mission=sentinel2&key=meadow-2024&sid=f1e2d3c4b5a69788f1e2", "-o",
            "out/meadow-2024.tif", "key=2024-rgb/scene.tif", "--config", "GDAL_HTTP_USERPWD=me:buckwheat-9",
        ])
        let text = "sentinel2.tif, out/meadow-2024.tif, 2024-rgb/scene.tif"
        #expect(Redaction.text(text) == text)
        #expect(Redaction.text("denied: f1e2d3c4b5a69788f1e2, buckwheat-9") == "denied: REDACTED, REDACTED")
        #expect(Redaction.address("https://host/a.tif?key=meadow-2024") == "https://host/a.tif?key=REDACTED")
    }

    @Test func `a word that hides a short one is no secret`() {
        for name in ["author", "design", "keyframe", "monkey", "sasquatch", "passes", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
            Redaction.learn(setting: name, value: "meadow-of-\(name)")
            #expect(Redaction.text("meadow-of-\(name)") == "meadow-of-\(name)")
        }
        for name in ["api_key", "X-Auth", "sig", "subscription-key", "GDAL_HTTP_USERPWD", "accessKeyId", "PGPASSWORD"] {
            Redaction.learn(setting: name, value: "barn-of-\(name)")
            #expect(Redaction.text("barn-of-\(name)") == "REDACTED", "\(name)")
        }
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
