using System.Text.Json;
using System.Text.Json.Nodes;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>A copy of a tiny checkpoint, and of the separate tower beside it, that a test may spoil.</summary>
internal sealed class ModelFolder : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public ModelFolder(string model, params string[] towers)
    {
        Path = Copy(model);
        foreach (string tower in towers)
            Copy(tower);
    }

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Rewrites a JSON file of the model.</summary>
    public void Change(string file, Action<JsonObject> change)
    {
        JsonObject json = JsonNode.Parse(System.IO.File.ReadAllBytes(File(file)))!.AsObject();
        change(json);
        System.IO.File.WriteAllText(File(file), json.ToJsonString());
    }

    /// <summary>Rewrites the header of a safetensors file, padded to its length, so that the data stays where it is.</summary>
    public void ChangeHeader(string file, Action<JsonObject> change)
    {
        byte[] bytes = System.IO.File.ReadAllBytes(File(file));
        int length = (int)BitConverter.ToInt64(bytes);
        JsonObject header = JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject();
        change(header);
        byte[] changed = JsonSerializer.SerializeToUtf8Bytes(header);
        System.IO.File.WriteAllBytes(File(file), [.. BitConverter.GetBytes((long)changed.Length), .. changed, .. bytes.AsSpan(8 + length)]);
    }

    public void Dispose() => _root.Dispose();

    private string Copy(string name)
    {
        string target = System.IO.Path.Combine(_root.Root, name);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(Fixtures.Path("llava", name)))
            System.IO.File.Copy(file, System.IO.Path.Combine(target, System.IO.Path.GetFileName(file)));
        return target;
    }
}
