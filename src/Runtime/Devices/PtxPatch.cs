using System.Text.RegularExpressions;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>
/// What is changed in ILGPU's PTX before the driver sees it. Branches lose the hint <c>.uni</c>, without which the assembler
/// unrolls counted loops and keeps small arrays in registers; a local slot that holds one scalar becomes a register.
/// </summary>
public static partial class PtxPatch
{
    /// <summary>The text that is loaded.</summary>
    /// <param name="ptx">As ILGPU emits it.</param>
    public static string Apply(string ptx)
    {
        ptx = ptx.Replace("bra.uni", "bra", StringComparison.Ordinal);
        foreach (Match slot in SlotAddress().Matches(ptx))
            ptx = SlotToRegister(ptx, slot.Value, slot.Groups["register"].Value, slot.Groups["depot"].Value);
        return ptx;
    }

    /// <summary>Does nothing where the slot is used in any other way than by whole loads and stores of one type.</summary>
    private static string SlotToRegister(string ptx, string declaration, string register, string depot)
    {
        string address = Regex.Escape(register);
        var store = new Regex($@"\bst\.local\.(\w+)\t\[{address}\], ([^;]+);");
        var load = new Regex($@"\bld\.local\.(\w+)\t(%\w+), \[{address}\];");
        MatchCollection stores = store.Matches(ptx);
        MatchCollection loads = load.Matches(ptx);
        string[] types = [.. stores.Concat(loads).Select(use => use.Groups[1].Value).Distinct()];
        if (types.Length != 1 || Regex.Count(ptx, address + @"\b") != stores.Count + loads.Count + 1)
            return ptx;
        ptx = store.Replace(ptx, $"mov.{types[0]}\t{depot}_v, $2;");
        ptx = load.Replace(ptx, $"mov.{types[0]}\t$2, {depot}_v;");
        ptx = ptx.Replace(declaration, "", StringComparison.Ordinal);
        return Regex.Replace(ptx, $@"\.local \.align \d+ \.b8 {depot}\[\d+\];", $".reg .{types[0]} {depot}_v;");
    }

    [GeneratedRegex(@"mov\.b64\t(?<register>%rd\d+), (?<depot>__local_depot\d+);\r?\n")]
    private static partial Regex SlotAddress();
}
