// swift-tools-version: 6.2
// SE-0480 (warnings as errors per target, ignored when we are somebody's dependency) needs 6.2.

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "websocketnova",
    products: [
        .library(name: "WebSocketNova", targets: ["WebSocketNova"]),
        .library(name: "WebSocketNovaTesting", targets: ["WebSocketNovaTesting"]),
        .executable(name: "nova", targets: ["nova"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // The C libraries, one system library target each.
        .systemLibrary(
            name: "CLibwebsockets",
            path: "Modules/CLibwebsockets",
            pkgConfig: "libwebsockets",
            providers: [.apt(["libwebsockets-dev"])]
        ),
        .systemLibrary(name: "CLibev", path: "Modules/CLibev", providers: [.apt(["libev-dev"])]),
        .systemLibrary(
            name: "CZlib",
            path: "Modules/CZlib",
            pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]
        ),
        .systemLibrary(
            name: "COpenSSL",
            path: "Modules/COpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]
        ),

        // The library, from the bottom up.
        .target(name: "WebSocketCore", dependencies: ["CZlib", "COpenSSL"], swiftSettings: swiftSettings),
        .target(
            name: "LWSTransport",
            dependencies: [
                "WebSocketCore", "CLibwebsockets", "CLibev", "COpenSSL",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "WebSocketNova",
            dependencies: [
                "WebSocketCore", "LWSTransport",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "WebSocketNovaTesting",
            dependencies: [
                "WebSocketCore", "WebSocketNova", "LWSTransport", "CLibwebsockets", "COpenSSL", "CZlib",
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "nova",
            dependencies: [
                "WebSocketNova", "WebSocketNovaTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings
        ),

        // Tests mirror Sources; IntegrationTests drives real sockets.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: swiftSettings),
        .testTarget(
            name: "WebSocketCoreTests",
            dependencies: ["WebSocketCore", "CZlib", "TestSupport"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LWSTransportTests",
            dependencies: ["LWSTransport", "COpenSSL", "TestSupport"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "WebSocketNovaTests",
            dependencies: [
                "WebSocketNova", "WebSocketNovaTesting", "TestSupport",
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "WebSocketNovaTestingTests",
            dependencies: [
                "WebSocketNova", "WebSocketNovaTesting", "LWSTransport", "COpenSSL", "CZlib", "TestSupport",
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "HostileServers",
            dependencies: ["WebSocketNovaTesting", "WebSocketCore"],
            path: "Tests/HostileServers",
            exclude: ["README.md"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "MockExchange",
            dependencies: ["WebSocketNova", "WebSocketNovaTesting", "WebSocketCore"],
            path: "Tests/MockExchange",
            exclude: ["README.md"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MockExchangeTests",
            dependencies: ["MockExchange", "WebSocketNova", "WebSocketNovaTesting", "TestSupport"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "WebSocketNova", "WebSocketNovaTesting", "LWSTransport", "TestSupport", "HostileServers",
                "MockExchange",
            ],
            swiftSettings: swiftSettings
        ),

        // The client that scripts/autobahn puts to the test.
        .executableTarget(
            name: "AutobahnClient",
            dependencies: ["WebSocketNova"],
            path: "Tests/AutobahnClient",
            swiftSettings: swiftSettings
        ),
    ]
)

// They link libFuzzer and cannot be built without it: see scripts/fuzz.
if Context.environment["WEBSOCKETNOVA_FUZZ"] == "1" {
    for name in ["FuzzFrames", "FuzzHead", "FuzzInflate", "FuzzUpgrade"] {
        package.targets.append(
            .executableTarget(
                name: name,
                dependencies: ["WebSocketCore"],
                path: "Tests/Fuzz/\(name)",
                swiftSettings: swiftSettings
            )
        )
    }
}
