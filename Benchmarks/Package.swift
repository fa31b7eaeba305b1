// swift-tools-version: 6.2

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let cSettings: [CSetting] = [
    .treatAllWarnings(as: .error)
]

let package = Package(
    name: "nova-bench",
    dependencies: [
        // Named, because the identity of a path dependency is otherwise the name of whatever folder the clone is in.
        .package(name: "websocketnova", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // What the C code has in common: frame headers and masking, all inline, sockets, compression, a client's task.
        .target(
            name: "CWire",
            cSettings: cSettings,
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto"), .linkedLibrary("z")]
        ),
        .target(name: "CLoadServer", dependencies: ["CWire"], cSettings: cSettings),
        .target(name: "CPlainClient", dependencies: ["CWire"], cSettings: cSettings),
        .target(
            name: "CLwsClient",
            dependencies: ["CWire"],
            cSettings: cSettings,
            linkerSettings: [.linkedLibrary("websockets")]
        ),
        // The program's malloc, which counts when it is told to.
        .target(name: "CAllocationCounter", cSettings: cSettings),
        // Which processors a thread may run on.
        .target(name: "CProcessors", cSettings: cSettings),
        // Says to callgrind what to count.
        .target(name: "CInstructionCounter", cSettings: cSettings),
        .executableTarget(
            name: "nova-bench",
            dependencies: [
                "CAllocationCounter", "CInstructionCounter", "CLoadServer", "CLwsClient", "CPlainClient", "CProcessors",
                "CWire",
                .product(name: "WebSocketNova", package: "websocketnova"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "nova-benchTests",
            dependencies: ["CLoadServer", "nova-bench"],
            swiftSettings: swiftSettings
        ),
        // The least programs of the library and of the plain C client: their start and their size.
        .executableTarget(
            name: "startup",
            dependencies: [.product(name: "WebSocketNova", package: "websocketnova")],
            swiftSettings: swiftSettings
        ),
        .executableTarget(name: "startup-c", dependencies: ["CPlainClient"], cSettings: cSettings),
    ]
)
