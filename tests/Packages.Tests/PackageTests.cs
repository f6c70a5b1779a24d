using System.IO.Compression;
using System.Reflection.Metadata;
using System.Xml.Linq;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Packages.Tests;

/// <summary>
/// What <c>dotnet pack -c Release -o artifacts/packages</c> made; nothing where that did not run.
/// </summary>
public sealed class PackageTests
{
    private const string Folder = "artifacts/packages";

    /// <summary>A library, and what it depends on.</summary>
    public static TheoryData<string, string[]> Libraries => new()
    {
        { "ChainOfSpot.Kernels", ["Iced", "ILGPU"] },
        { "ChainOfSpot.Runtime", ["ChainOfSpot.Kernels"] },
        {
            "ChainOfSpot",
            ["ChainOfSpot.Runtime", "Microsoft.Extensions.Logging.Abstractions", "SkiaSharp", "SkiaSharp.NativeAssets.Linux.NoDependencies"]
        },
        {
            "ChainOfSpot.Extensions.AI",
            ["ChainOfSpot", "Microsoft.Extensions.AI.Abstractions", "Microsoft.Extensions.Hosting.Abstractions", "Microsoft.Extensions.Options"]
        },
    };

    [Fact]
    public void Every_project_with_a_PACKAGE_md_is_checked_here()
    {
        string[] projects =
        [
            .. Directory.EnumerateFiles(Fixtures.Repository, "PACKAGE.md", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 })
                .Select(file => Path.GetFileNameWithoutExtension(Directory.GetFiles(Path.GetDirectoryName(file)!, "*.csproj").Single())),
        ];
        Assert.Equal(
            Libraries.Select(row => row.Data.Item1).Concat(["ChainOfSpot.Cli", "ChainOfSpot.WeightsTools", "ChainOfSpot.SpotTiny"]).Order(),
            projects.Order());
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_library_has_its_assembly_documentation_symbols_and_dependencies(string id, string[] dependencies)
    {
        using ZipArchive package = Open(id, "nupkg");
        XElement metadata = MetadataOf(package, id);
        Assert.Equal([$"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml"], Files(package, "lib/"));
        XElement[] declared = [.. metadata.Descendants().Where(e => e.Name.LocalName == "dependency")];
        Assert.Equal(dependencies.Order(), declared.Select(d => d.Attribute("id")!.Value).Order());
        string version = metadata.Elements().Single(e => e.Name.LocalName == "version").Value;
        Assert.All(
            declared.Where(d => d.Attribute("id")!.Value.StartsWith("ChainOfSpot", StringComparison.Ordinal)),
            d => Assert.Equal(version, d.Attribute("version")!.Value));

        using ZipArchive symbols = Open(id, "snupkg");
        using var pdb = new MemoryStream();
        using (Stream stored = symbols.GetEntry($"lib/net10.0/{id}.pdb")!.Open())
            stored.CopyTo(pdb);
        pdb.Position = 0;
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(pdb);
        MetadataReader reader = provider.GetMetadataReader();
        string[] sources = [.. reader.Documents.Select(d => reader.GetString(reader.GetDocument(d).Name).Replace('\\', '/'))];
        Assert.Contains(sources, source => source.EndsWith(".cs", StringComparison.Ordinal));
        // Where CI builds, no path of its machine is in what it builds.
        if (Environment.GetEnvironmentVariable("CI") == "true")
            Assert.All(sources, source => Assert.StartsWith("/_/", source, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ChainOfSpot.Cli", "cos", "models/spot-tiny/model.safetensors")]
    [InlineData("ChainOfSpot.WeightsTools", "cos-weights", "cos-weights.dll")]
    public void A_tool_has_its_command_and_all_that_it_runs_with(string id, string command, string part)
    {
        using ZipArchive package = Open(id, "nupkg");
        MetadataOf(package, id);
        const string Root = "tools/net10.0/any/";
        using Stream settings = package.GetEntry(Root + "DotnetToolSettings.xml")!.Open();
        Assert.Equal(command, XDocument.Load(settings).Descendants("Command").Single().Attribute("Name")!.Value);
        string[] files = Files(package, Root);
        Assert.Contains(Root + part, files);
        Assert.Contains(Root + "ChainOfSpot.Kernels.dll", files);
        Assert.Equal(
            ["linux-arm64", "linux-musl-arm64", "linux-musl-x64", "linux-x64", "osx", "win-arm64", "win-x64"],
            Files(package, Root + "runtimes/").Select(file => file[(Root.Length + "runtimes/".Length)..].Split('/')[0]));
    }

    [Fact]
    public void The_model_is_copied_beside_the_program()
    {
        using ZipArchive package = Open("ChainOfSpot.SpotTiny", "nupkg");
        XElement metadata = MetadataOf(package, "ChainOfSpot.SpotTiny");
        string[] stored = [.. Files(package, "contentFiles/any/any/models/").Select(path => path["contentFiles/any/any/".Length..]).Order(StringComparer.Ordinal)];
        string models = Path.Combine(Fixtures.Repository, "models");
        Assert.Equal(
            Directory.EnumerateFiles(Path.Combine(models, "spot-tiny"), "*", SearchOption.AllDirectories)
                .Select(file => "models/" + Path.GetRelativePath(models, file).Replace('\\', '/')).Order(StringComparer.Ordinal),
            stored);
        Assert.All(
            metadata.Descendants().Where(e => e.Name.LocalName == "files"), files => Assert.Equal("true", files.Attribute("copyToOutput")?.Value));
        Assert.Empty(Files(package, "lib/"));
    }

    private static string[] Files(ZipArchive package, string under) =>
        [.. package.Entries.Select(e => e.FullName).Where(name => name.StartsWith(under, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static ZipArchive Open(string id, string extension)
    {
        string folder = Path.Combine(Fixtures.Repository, Folder);
        Assert.SkipUnless(Directory.Exists(folder), $"{Folder} is not there: dotnet pack -c Release -o {Folder}");
        // A version begins with a digit, which tells "ChainOfSpot" from "ChainOfSpot.Runtime".
        return ZipFile.OpenRead(Assert.Single(Directory.GetFiles(folder, $"{id}.*.{extension}"), path => char.IsDigit(Path.GetFileName(path)[id.Length + 1])));
    }

    /// <summary>The nuspec's metadata, with what every package says of itself.</summary>
    private static XElement MetadataOf(ZipArchive package, string id)
    {
        using Stream nuspec = package.GetEntry($"{id}.nuspec")!.Open();
        XElement metadata = XDocument.Load(nuspec).Root!.Elements().Single(e => e.Name.LocalName == "metadata");
        Assert.Equal("Apache-2.0", Value("license"));
        Assert.Equal("PACKAGE.md", Value("readme"));
        Assert.True(package.GetEntry("PACKAGE.md")!.Length > 100);
        Assert.NotEqual("Package Description", Value("description"));
        Assert.Contains("chain-of-spot", Value("tags"), StringComparison.Ordinal);
        Assert.Equal("The ChainOfSpot authors", Value("authors"));
        XElement repository = metadata.Elements().Single(e => e.Name.LocalName == "repository");
        Assert.Equal("git", repository.Attribute("type")!.Value);
        Assert.Equal(40, repository.Attribute("commit")!.Value.Length);
        return metadata;

        string Value(string name) => metadata.Elements().Single(e => e.Name.LocalName == name).Value;
    }
}
